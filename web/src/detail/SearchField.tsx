// The field of a search, with the number of hits and the way from one to the next.
import { ChevronDown, ChevronUp } from "lucide-react";
import { IconButton } from "../ui/Button";
import ui from "../ui/ui.module.css";
import type { Search } from "./useSearch";
import values from "./values.module.css";

export function SearchField({ search, label }: { search: Search; label: string }) {
  return (
    <span className={values.search}>
      <input
        className={ui.field}
        type="search"
        placeholder="Search"
        aria-label={label}
        value={search.text}
        onChange={(event) => search.setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") search.step(event.shiftKey ? -1 : 1);
          if (event.key === "Escape") {
            search.setText("");
            event.currentTarget.blur();
          }
        }}
      />
      {search.text === "" ? null : (
        <>
          <span role="status">
            {search.at}/{search.hits}
          </span>
          <IconButton label="Hit before" isSmall disabled={search.hits < 2} onClick={() => search.step(-1)}>
            <ChevronUp size={12} />
          </IconButton>
          <IconButton label="Next hit" isSmall disabled={search.hits < 2} onClick={() => search.step(1)}>
            <ChevronDown size={12} />
          </IconButton>
        </>
      )}
    </span>
  );
}
