// What is captured, what can be chosen, and the settings: asked and changed.
import { useMutation, useQuery } from "@tanstack/react-query";
import { answer, api, sentence } from "../api/client";
import { queryClient, useStatus } from "../api/queries";
import type { CaptureChange } from "../api/types";
import { say } from "../ui/notice";

/** What is captured, and how to change it; a change is in force within a second. */
export function useCapture() {
  const query = useQuery({
    queryKey: ["capture"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/capture", { signal })),
    staleTime: 5000,
  });
  const mutation = useMutation({
    mutationFn: (change: CaptureChange) => answer(api.PUT("/api/v1/capture", { body: change })),
    onSuccess: (state) => {
      queryClient.setQueryData(["capture"], state);
      void queryClient.invalidateQueries({ queryKey: ["status"] });
    },
    onError: (error) => say(sentence(error), "bad"),
  });
  return { ...query, change: mutation.mutate, isChanging: mutation.isPending, changeError: mutation.error };
}

export function useChoices() {
  return useQuery({
    queryKey: ["choices"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/capture/choices", { signal })),
    staleTime: 10_000,
    retry: false,
  });
}

export function useSettings() {
  return useQuery({
    queryKey: ["settings"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/settings", { signal })),
    staleTime: 5000,
  });
}

/** Changes settings; a trial tells what that would delete, and changes nothing. */
export async function changeSettings(settings: Record<string, string>, isTrial: boolean) {
  const state = await answer(api.PUT("/api/v1/settings", { body: { settings, is_trial: isTrial } }));
  if (!isTrial) {
    queryClient.setQueryData(["settings"], state);
    void queryClient.invalidateQueries({ queryKey: ["status"] });
  }
  return state;
}

export function useDemo() {
  const query = useQuery({
    queryKey: ["demo"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/demo", { signal })),
    retry: false,
  });
  const mutation = useMutation({
    mutationFn: (on: boolean) => answer(api.PUT("/api/v1/demo", { body: { on } })),
    onSuccess: (state) => queryClient.setQueryData(["demo"], state),
    onError: (error) => say(sentence(error), "bad"),
  });
  return { ...query, change: mutation.mutate };
}

/** The capture files that are shown; asked again while one is being read. */
export function useFiles() {
  const isFiles = useStatus().data?.source.kind === "files";
  return useQuery({
    queryKey: ["files"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/files", { signal })),
    enabled: isFiles,
    refetchInterval: (query) =>
      query.state.data?.files.some((file) => file.state === "waiting" || file.state === "reading") ? 1000 : false,
  });
}

/** Whether the one who asks may change things. */
export const useMayControl = (): boolean => useStatus().data?.viewer.rights.includes("control") ?? false;
