// The filter while it is written: checked as one types, against the one that is in force.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { answer, api, Fault } from "../api/client";
import { type Scope, selection, useFields } from "../api/queries";
import type { ErrorBody } from "../api/types";
import { type Offer, offers } from "./offers";

export interface Checked {
  /** The text that this is about. */
  text: string;
  error: ErrorBody | null;
  warnings: { column: number; message: string }[];
}

/** What the server says of a text, a moment after the last key. */
export function useCheck(text: string): Checked | undefined {
  const settled = useSettled(text, CHECK_AFTER_MS);
  return useQuery({
    queryKey: ["check", settled],
    enabled: settled.trim() !== "",
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => check(settled, signal),
  }).data;
}

export async function check(text: string, signal?: AbortSignal): Promise<Checked> {
  try {
    const { warnings } = await answer(api.POST("/api/v1/kfl/check", { body: { filter: text }, signal }));
    return { text, error: null, warnings };
  } catch (fault) {
    if (fault instanceof Fault && fault.status === 400) return { text, error: fault.body, warnings: [] };
    throw fault;
  }
}

export interface CountedOffer extends Offer {
  /** How many calls it would find; undefined while nobody knows. */
  calls: number | undefined;
}

/** The filters that would find a text which is none, with how many calls each finds; those that find any come first. */
export function useOffers(text: string, scope: Scope): CountedOffer[] {
  const table = useFields().data;
  const settled = useSettled(text, OFFER_AFTER_MS);
  const found = table && settled === text ? offers(text, table) : [];
  const counts = useQueries({
    queries: found.map((offer) => ({
      queryKey: ["offer", offer.filter, selection(scope)],
      staleTime: 10_000,
      retry: false,
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const query = { ...selection(scope), filter: offer.filter };
        return (await answer(api.GET("/api/v1/stats", { params: { query }, signal }))).rows[0]?.calls ?? 0;
      },
    })),
  });
  const counted = found.map((offer, at) => ({ ...offer, calls: counts[at]?.data }));
  if (counts.some((count) => count.isPending)) return counted;
  return counted.toSorted((one, other) => Number(other.calls !== 0) - Number(one.calls !== 0));
}

function useSettled(text: string, ms: number): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), ms);
    return () => clearTimeout(timer);
  }, [text, ms]);
  return settled;
}

const CHECK_AFTER_MS = 150;
const OFFER_AFTER_MS = 250;
