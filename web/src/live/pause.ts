// Whether the page stands still. It never touches the capture.
import { create } from "zustand";

export const usePause = create<{ isPaused: boolean }>(() => ({ isPaused: false }));

export const togglePause = (): void => usePause.setState((was) => ({ isPaused: !was.isPaused }));
