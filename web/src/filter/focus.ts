// How others put the cursor into the filter bar. Its editor loads later than they: who asks before gets it then.

let focus: (() => void) | null = null;
let isWanted = false;

export function setFilterFocus(how: () => void): void {
  focus = how;
  if (isWanted) how();
  isWanted = false;
}

export function focusFilter(): void {
  if (focus) focus();
  else isWanted = true;
}
