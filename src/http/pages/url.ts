/** Makes the address of a path of ours; knows the prefix. */
export type Urls = (path: string) => string;
