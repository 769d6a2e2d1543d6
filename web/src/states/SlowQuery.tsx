// A query that takes its time: that it is under way, for how long, and a way to stop it.
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Button } from "../ui/Button";
import { Progress } from "../ui/Controls";
import css from "./states.module.css";

interface SlowQueryProps {
  query: { isFetching: boolean; isPending: boolean; isPlaceholderData: boolean };
  queryKey?: QueryKey;
  what: string;
}

export function SlowQuery({ query, queryKey, what }: SlowQueryProps) {
  const client = useQueryClient();
  // A repeated question whose last answer is still shown is no reason to speak.
  const isWaiting = query.isFetching && (query.isPending || query.isPlaceholderData);
  const seconds = useSeconds(isWaiting);
  if (!isWaiting) return null;
  return (
    <>
      <Progress label={`Computing ${what}`} />
      {seconds >= 1 ? (
        <p className={css.slow} role="status">
          Computing {what} for {seconds} s
          <Button onClick={() => void client.cancelQueries(queryKey ? { queryKey } : {})}>Cancel</Button>
        </p>
      ) : null}
    </>
  );
}

function useSeconds(isRunning: boolean): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    if (!isRunning) return;
    const timer = setInterval(() => setSeconds((was) => was + 1), 1000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return seconds;
}
