// Which losses hide what was said, and which only leave something without a name.
import type { LossAnswer } from "../api/types";

/** Whether entries, or parts of them, are missing for the cause; a process that could not be named hides none. */
export const hidesEntries = ({ stage }: Pick<LossAnswer["causes"][number], "stage">): boolean => stage !== "identity";
