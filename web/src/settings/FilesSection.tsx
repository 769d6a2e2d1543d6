// The capture files that are shown, how far each is read, and a way to add more.
import { useMutation } from "@tanstack/react-query";
import { useRef } from "react";
import { sentence } from "../api/client";
import { queryClient } from "../api/queries";
import type { ErrorBody } from "../api/types";
import { bytes, count } from "../format/number";
import { Button } from "../ui/Button";
import { say } from "../ui/notice";
import { useFiles } from "./queries";
import css from "./settings.module.css";

export function FilesSection() {
  const { data } = useFiles();
  const input = useRef<HTMLInputElement>(null);
  const upload = useMutation({
    mutationFn: send,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["files"] }),
    onError: (error) => say(sentence(error), "bad"),
  });
  if (!data) return null;
  const choose = (file: File | undefined) => {
    if (!file) return;
    if (file.size > data.upload_limit_bytes) say(`The file is larger than ${bytes(data.upload_limit_bytes)}`, "bad");
    else upload.mutate(file);
  };
  return (
    <section className={css.section}>
      <h2>Files</h2>
      <table className={css.settings}>
        <thead>
          <tr>
            <th>File</th>
            <th>State</th>
            <th>Read</th>
            <th>Packets</th>
            <th>Entries</th>
          </tr>
        </thead>
        <tbody>
          {data.files.map((file, position) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: files of one name can be there twice, and each stays where it is
            <tr key={position}>
              <th scope="row">
                {file.name}
                {file.note ? <p className={css.warn}>{file.note}</p> : null}
              </th>
              <td>{file.state}</td>
              <td>
                {bytes(file.read_bytes)}
                {file.bytes ? ` of ${bytes(file.bytes)}` : ""}
              </td>
              <td>{count(file.packets)}</td>
              <td>{count(file.entries)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {data.is_upload_possible ? (
        <div>
          <input
            ref={input}
            type="file"
            hidden
            accept=".pcap,.pcapng,.cap"
            onChange={(event) => choose(event.target.files?.[0])}
          />
          <Button disabled={upload.isPending} onClick={() => input.current?.click()}>
            {upload.isPending ? "Sending…" : "Add a capture file"}
          </Button>
        </div>
      ) : null}
    </section>
  );
}

/** Sends a file as it is: the typed client would take its bytes for JSON. */
async function send(file: File): Promise<void> {
  const response = await fetch(`/api/v1/files?${new URLSearchParams({ name: file.name })}`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: file,
  });
  if (!response.ok) throw ((await response.json()) as { error: ErrorBody }).error;
}
