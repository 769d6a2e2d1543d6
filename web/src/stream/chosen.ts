// The row under the hand: chosen by key or click, open or not.
import { create } from "zustand";

export const useChosen = create<{ row: { id: number; us: number } | null }>(() => ({ row: null }));
