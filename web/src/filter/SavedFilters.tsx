// Filters with names, kept by the server for all who use it.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { answer, api, sentence } from "../api/client";
import { queryClient } from "../api/queries";
import type { SavedFilter } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { say } from "../ui/notice";
import ui from "../ui/ui.module.css";
import css from "./filter.module.css";

export function SavedFilters({ filter, onApply }: { filter: string; onApply: (filter: string) => void }) {
  const [name, setName] = useState("");
  const saved = useQuery({
    queryKey: ["filters"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/filters", { signal })),
  });
  const store = useMutation({
    mutationFn: (filters: SavedFilter[]) => answer(api.PUT("/api/v1/filters", { body: { filters } })),
    onSuccess: (filters) => queryClient.setQueryData(["filters"], filters),
    onError: (error) => say(sentence(error), "bad"),
  });
  const filters = saved.data?.filters ?? [];
  return (
    <div className={css.saved}>
      {saved.error ? <p>{sentence(saved.error)}</p> : null}
      {saved.data && filters.length === 0 ? <p>No filter is saved yet.</p> : null}
      {filters.map((one) => (
        <div key={one.name} className={css.savedRow}>
          <button type="button" className={ui.item} title={one.filter} onClick={() => onApply(one.filter)}>
            <span>{one.name}</span>
            <code>{one.filter}</code>
          </button>
          <IconButton
            label={`Delete ${one.name}`}
            isSmall
            onClick={() => store.mutate(filters.filter((other) => other.name !== one.name))}
          >
            <Trash2 size={12} />
          </IconButton>
        </div>
      ))}
      <form
        className={css.save}
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = name.trim();
          if (wanted === "" || filter === "") return;
          store.mutate([...filters.filter((one) => one.name !== wanted), { name: wanted, filter }]);
          setName("");
        }}
      >
        <input
          className={ui.field}
          placeholder={filter === "" ? "Apply a filter to save it" : "A name for the present filter"}
          aria-label="Name of the filter"
          disabled={filter === ""}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={filter === "" || name.trim() === ""}>
          Save
        </Button>
      </form>
    </div>
  );
}
