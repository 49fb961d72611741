/** What a browser journey wants otherwise. */
export interface WantedApp {
  /** Settings, by their environment variables. */
  env?: Record<string, string>;
  /** Is there anybody to do what runs in the background? Default: yes. */
  hasWorker?: boolean;
  /** Are rows of cities as the guide to permissions has them, by claims? */
  isScoped?: boolean;
  /** Is it mounted in an app whose page shows how far a task is? */
  isEmbedded?: boolean;
  /** Is it the shop of `examples`, instead of the gazetteer? */
  isShop?: boolean;
}
