// The live connection: kept open, opened again when it breaks, with the time told that was missed meanwhile.

/** What the server sends; each message has some of the members. */
export interface LiveMessage {
  entries?: unknown[];
  dropped?: number;
  error?: { code: string; message: string };
}

interface Listener {
  onOpen: (wasBroken: boolean) => void;
  onMessage: (message: LiveMessage) => void;
  onBreak: (retries: number) => void;
}

export class LiveSocket {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retries = 0;
  #isClosed = false;
  #isPaused = false;
  readonly #url: string;
  readonly #listener: Listener;

  constructor(url: string, isPaused: boolean, listener: Listener) {
    this.#url = url;
    this.#isPaused = isPaused;
    this.#listener = listener;
    this.#connect();
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ pause: isPaused }));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      if (this.#isPaused) socket.send(JSON.stringify({ pause: true }));
      const wasBroken = this.#retries > 0;
      this.#retries = 0;
      this.#listener.onOpen(wasBroken);
    };
    socket.onmessage = (event) => {
      if (!this.#isClosed) this.#listener.onMessage(JSON.parse(event.data as string) as LiveMessage);
    };
    socket.onclose = () => {
      if (this.#isClosed) return;
      this.#retries += 1;
      this.#listener.onBreak(this.#retries);
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#retries - 1, 8));
      this.#timer = setTimeout(() => this.#connect(), wait);
    };
  }
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
