// A button that makes sample traffic on this machine's loopback.
import { useMutation } from "@tanstack/react-query";
import { answer, api, sentence } from "../api/client";
import { Button } from "../ui/Button";
import { say } from "../ui/notice";

export function SampleButton() {
  const demo = useMutation({
    mutationFn: () => answer(api.PUT("/api/v1/demo", { body: { on: true } })),
    onSuccess: () => say("Sample traffic runs on the loopback"),
    onError: (error) => say(sentence(error), "bad"),
  });
  return (
    <Button look="main" disabled={demo.isPending} onClick={() => demo.mutate()}>
      Make sample traffic
    </Button>
  );
}
