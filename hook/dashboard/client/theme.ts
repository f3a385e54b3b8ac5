// Before the first paint, in a script of its own: a page that is light for a moment dazzles in the dark.
import { applyTheme, readTheme } from "./theme-choice.ts";

applyTheme(readTheme());
