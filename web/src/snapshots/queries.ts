// Snapshots: listed, made, deleted.
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api, Fault, sentence } from "../api/client";
import { queryClient } from "../api/queries";
import { plural } from "../format/number";
import { say } from "../ui/notice";
import { packetsOf } from "./words";

export function useSnapshots(isWanted = true) {
  return useQuery({
    queryKey: ["snapshots"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/snapshots", { signal })),
    enabled: isWanted,
    refetchInterval: (query) =>
      query.state.data?.snapshots.some((snapshot) => snapshot.state === "creating") ? 1000 : false,
  });
}

const refresh = () => queryClient.invalidateQueries({ queryKey: ["snapshots"] });

export interface Wanted {
  name: string;
  from?: string;
  to?: string;
  filter: string;
  is_filtered: boolean;
  packets: boolean;
}

export function useCreate() {
  return useMutation({
    mutationFn: (body: Wanted) => answer(api.POST("/api/v1/snapshots", { body })),
    onSuccess: (made) => {
      say(`The snapshot is made: ${plural(made.entries, "entry", "entries")}, ${packetsOf(made)}`);
      return refresh();
    },
    onError: (error) => say(sentence(error), "bad"),
  });
}

export function useDelete() {
  return useMutation({
    mutationFn: async (id: string) => {
      const { response, error } = await api.DELETE("/api/v1/snapshots/{id}", { params: { path: { id } } });
      if (!response.ok) throw new Fault((error as { error: Fault["body"] }).error, response.status);
    },
    onSuccess: refresh,
    onError: (error) => say(sentence(error), "bad"),
  });
}
