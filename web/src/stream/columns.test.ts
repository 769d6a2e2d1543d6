import { expect, test } from "vitest";
import { DEFAULT_COLUMNS, extraFields, fitted, moved, resized, toggled, withDays } from "./columns";

const ids = (columns: { id: string }[]) => columns.map((column) => column.id).join(" ");

test("columns are moved, sized, added and left out", () => {
  expect(ids(moved(DEFAULT_COLUMNS, "size", 0))).toMatch(/^size time protocol/);
  expect(ids(moved(DEFAULT_COLUMNS, "time", 99))).toMatch(/size time$/);
  expect(ids(moved(DEFAULT_COLUMNS, "none", 0))).toBe(ids(DEFAULT_COLUMNS));
  expect(resized(DEFAULT_COLUMNS, "size", 3)).toContainEqual({ id: "size", width: 48 });
  const added = toggled(DEFAULT_COLUMNS, 'request.headers["x"]');
  expect(extraFields(added)).toEqual(['request.headers["x"]']);
  expect(ids(toggled(added, 'request.headers["x"]'))).toBe(ids(DEFAULT_COLUMNS));
});

test("the summary takes the room that is left, names give way where there is too little", () => {
  const columns = [
    { id: "time", width: 90 },
    { id: "summary", width: 360 },
    { id: "source", width: 140 },
  ];
  expect(fitted(columns, 1000)).toEqual([90, 770, 140]);
  expect(fitted(columns, 350)).toEqual([90, 150, 110]);
  expect(fitted(columns, 300)).toEqual([90, 130, 80]);
  expect(fitted(columns, 200)).toEqual([90, 110, 80]);
});

test("times of other days have room for the day", () => {
  expect(
    withDays([
      { id: "time", width: 90 },
      { id: "size", width: 80 },
    ]),
  ).toEqual([
    { id: "time", width: 154 },
    { id: "size", width: 80 },
  ]);
  expect(withDays([{ id: "time", width: 300 }])).toEqual([{ id: "time", width: 300 }]);
});
