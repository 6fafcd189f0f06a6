/** How the restored member shall see its cluster, in etcd's own words; only what is given is passed on. */
export interface MemberOptions {
  readonly name?: string | undefined;
  readonly initialCluster?: string | undefined;
  readonly initialClusterToken?: string | undefined;
  readonly initialAdvertisePeerUrls?: string | undefined;
  /** How far the revision is moved ahead; goes with `markCompacted`. */
  readonly bumpRevision?: string | undefined;
  readonly markCompacted?: boolean | undefined;
}

export interface ToolRequest {
  /** The snapshot file. */
  readonly file: string;
  /** Made by the tool; must not exist. */
  readonly dataDir: string;
  /** Where the write-ahead log goes if not below `dataDir`; must not exist. */
  readonly walDir?: string | undefined;
  readonly member: MemberOptions;
  /** Takes a file whose digest is missing or wrong. */
  readonly skipHashCheck: boolean;
}

/** etcd's own program for restoring. */
export interface RestoreTool {
  readonly name: "etcdutl" | "etcdctl";
  readonly path: string;
  /** Such as `3.5.16`. */
  readonly version: string;
  /** Whether it knows `--bump-revision` and `--mark-compacted`. */
  readonly canBumpRevision: boolean;
  /**
   * Makes a data directory from a snapshot. Rejects with `TOOL_FAILED`, or with `signal.reason` once the program is gone;
   * what it has written until then stays.
   */
  restore(request: ToolRequest, signal: AbortSignal): Promise<void>;
}

/** Finds the tool: at the path `named`, else on PATH. Rejects with `CONFIG_INVALID` when there is none that can restore. */
export type FindRestoreTool = (named: string | undefined, signal: AbortSignal) => Promise<RestoreTool>;

/** An etcd server that was started for a moment. Disposal ends it, and resolves when it is gone. */
export interface ThrowawayEtcd extends AsyncDisposable {
  /** Client URL, on loopback. */
  readonly endpoint: string;
  /** Resolves to what it said last when it ends by itself. */
  readonly ended: Promise<string>;
}

/** The member that a data directory was restored for. */
export interface ThrowawayMember {
  readonly dataDir: string;
  readonly name: string;
  /** Peer URL, on loopback: the one that the data directory was restored with. */
  readonly peerUrl: string;
}

/** etcd's own server program. */
export interface EtcdServer {
  readonly path: string;
  /** Such as `3.5.16`. */
  readonly version: string;
  /** Starts it as the only member of its cluster, on free ports of loopback; it may take a while to answer. */
  start(member: ThrowawayMember, signal: AbortSignal): Promise<ThrowawayEtcd>;
}

/** Finds the server: at the path `named`, else on PATH. `undefined` when there is none; rejects when what was named is none. */
export type FindEtcdServer = (named: string | undefined, signal: AbortSignal) => Promise<EtcdServer | undefined>;
