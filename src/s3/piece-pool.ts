/** Large enough for whoever hashes and writes it, small enough for what is done with to come back soon. */
const PIECE_BYTES = 2 ** 20;

/**
 * Buffers that what is read is joined in: TLS hands on 16 KiB at a time, and each costs as much to pass on as a piece does.
 * Those that come back are filled again, which spares a third of the processor's time: fresh memory is cold, has to be
 * cleared by the kernel, and keeps the garbage collector busy.
 */
export class PiecePool {
  readonly #free: Buffer[] = [];
  /** Whole pieces in others' hands, by which a foreign buffer and one that comes back twice are known. */
  readonly #lent = new WeakSet<Uint8Array>();

  /** A buffer for at most so many bytes. */
  take(atMost: number): Buffer {
    // Not from Node's shared pool, which a small piece would keep alive.
    if (atMost < PIECE_BYTES) return Buffer.allocUnsafeSlow(atMost);
    const piece = this.#free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.#lent.add(piece);
    return piece;
  }

  /** Takes a piece back that nobody looks at any more; leaves any other buffer alone. */
  giveBack(piece: Uint8Array): void {
    if (piece instanceof Buffer && this.#lent.delete(piece)) this.#free.push(piece);
  }
}
