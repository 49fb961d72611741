import type { OwnView } from '../src/http/controls/own-views.ts';
import type { Pages } from '../src/http/pages.ts';

/**
 * What a template calls to show a part; `All` has every template's data by its path. A project's
 * own template reads what it likes.
 */
export type Include<All, It> = <Path extends keyof All | OwnView>(
  path: Path,
  ...data: Given<All, It, Path>
) => string;

/** What a template calls to show an icon. A name that data brings may be any text. */
export type ShowIcon<Icon extends string> = <Name extends string>(
  name: string extends Name ? Name : Name extends Icon ? Name : Icon,
  className?: string,
) => string;

type Given<All, It, Path> = Path extends keyof All
  ? Partial<All[Path]> extends All[Path]
    ? [data?: All[Path]]
    : [data: All[Path] & Clashing<It, All[Path]>]
  : [data: object];

type Optional<Data> = {
  [Name in keyof Data]-?: Partial<Pick<Data, Name>> extends Pick<Data, Name> ? Name : never;
}[keyof Data];

/**
 * Eta hands on what the caller has under the same name: where that is of another type, a part's own
 * must be given.
 */
type Clashing<It, Data> = {
  [Name in Optional<Data> & keyof It as It[Name] extends Data[Name] ? never : Name]: Data[Name];
};

/** What `reply.page` is given for a template of this name; never: it is no page's. */
export type Sent<Name extends string> = Name extends keyof Pages ? Pages[Name] : never;
