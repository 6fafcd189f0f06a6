/** What this node remembers from one start to the next. Losing it is no failure: it only guards. */
export interface LocalState {
  /** The uuid of the identity that was last seen in the store for the cluster. */
  recall(store: string, cluster: string): Promise<string | undefined>;
  remember(memory: { readonly store: string; readonly cluster: string; readonly uuid: string }): Promise<void>;
}
