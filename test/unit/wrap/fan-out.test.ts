import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BackupError, isBackupError } from "../../../src/errors.ts";
import { fanOut } from "../../../src/wrap/fan-out.ts";
import { GatedWriter, turnOver } from "./gated-writer.ts";

const MiB = 2 ** 20;
const refused = new BackupError("STORE_REFUSED", "Cannot write");

describe("fanOut()", () => {
  test("gives every writer every byte in order", async () => {
    const [first, second] = [openWriter(), openWriter()];
    const tee = fanOut([first, second]);

    for (let count = 0; count < 50; count++) await tee.write(Uint8Array.of(count));
    await Promise.all([tee.drained(first), tee.drained(second)]);

    const expected = Buffer.from(Array.from({ length: 50 }, (_, index) => index));
    assert.deepEqual(Buffer.concat(first.taken), expected);
    assert.deepEqual(Buffer.concat(second.taken), expected);
  });

  test("waits for the first writer, and for it alone", async () => {
    const [first, second] = [new GatedWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);
    let done = false;

    const wait = tee.write(new Uint8Array(1))?.then(() => {
      done = true;
    });
    await turnOver();
    assert.equal(done, false);
    first.gate.open();

    await wait;
    assert.ok(done);
  });

  test("gives up a second writer that is more than 16 MiB behind, and the stream goes on", async () => {
    const [first, second] = [openWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);

    for (let count = 0; count < 18; count++) await tee.write(new Uint8Array(MiB));
    second.gate.openForGood();

    await tee.drained(first);
    assert.equal(first.size, 18 * MiB);
    await assert.rejects(tee.drained(second), (error) => isBackupError(error, "STORE_UNAVAILABLE"));
  });

  test("keeps a second writer that is 16 MiB behind", async () => {
    const [first, second] = [openWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);

    // One with the writer, sixteen behind it.
    for (let count = 0; count < 17; count++) await tee.write(new Uint8Array(MiB));
    second.gate.openForGood();

    await tee.drained(second);
    assert.equal(second.size, 17 * MiB);
  });

  test("keeps a second writer that catches up again and again, however long the stream", async () => {
    const [first, second] = [openWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);

    await tee.write(new Uint8Array(MiB));
    for (let count = 1; count < 60; count++) {
      await tee.write(new Uint8Array(MiB));
      second.gate.open();
      await turnOver();
    }
    second.gate.openForGood();

    await tee.drained(second);
    assert.equal(second.size, 60 * MiB);
  });

  test("drained() waits until the writer has taken all", async () => {
    const [first, second] = [openWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);
    await tee.write(new Uint8Array(1));
    await tee.write(new Uint8Array(1));
    let done = false;

    const drained = tee.drained(second).then(() => {
      done = true;
    });
    second.gate.open();
    await turnOver();
    assert.equal(done, false);
    second.gate.open();

    await drained;
    assert.equal(second.size, 2);
  });

  test("goes on with the second writer when the first fails, at its pace from then on", async () => {
    const [first, second] = [new GatedWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);
    const wait = tee.write(Uint8Array.of(1));

    first.gate.fail(refused);
    await wait;
    let done = false;
    const next = tee.write(Uint8Array.of(2))?.then(() => {
      done = true;
    });
    await turnOver();
    assert.equal(done, false);
    second.gate.openForGood();
    await next;

    await tee.drained(second);
    assert.deepEqual([...Buffer.concat(second.taken)], [1, 2]);
    await assert.rejects(tee.drained(first), (error) => error === refused);
    assert.equal(first.size, 1);
  });

  test("never gives up the writer that leads, however far it was behind before", async () => {
    const [first, second] = [openWriter(), new GatedWriter()];
    const tee = fanOut([first, second]);
    for (let count = 0; count < 16; count++) await tee.write(new Uint8Array(MiB));
    first.gate.fail(refused);

    // The last that the first one is given: sixteen are behind the second now.
    await tee.write(new Uint8Array(MiB));
    const wait = tee.write(new Uint8Array(MiB));
    second.gate.openForGood();
    await wait;

    await tee.drained(second);
    assert.equal(second.size, 18 * MiB);
  });

  test("rejects with the first writer's reason when none is left", async () => {
    const [first, second] = [openWriter(), openWriter()];
    const tee = fanOut([first, second]);
    first.gate.fail(refused);
    second.gate.fail(new BackupError("STORE_FULL", "Cannot write"));

    await tee.write(new Uint8Array(1));
    await turnOver();

    await assert.rejects(
      async () => await tee.write(new Uint8Array(1)),
      (error) => error === refused,
    );
    await assert.rejects(tee.drained(second), (error) => isBackupError(error, "STORE_FULL"));
  });
});

function openWriter(): GatedWriter {
  const writer = new GatedWriter();
  writer.gate.openForGood();
  return writer;
}
