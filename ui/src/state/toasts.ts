// Short messages at the edge of the page: what was done, and how to undo it.
import { useSyncExternalStore } from "react";
import { ApiError } from "../api/client";

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error";
  /** The text of a button and what it does. */
  action?: { label: string; run: () => void };
}

let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: Toast[]): void {
  toasts = next;
  for (const tell of listeners) tell();
}

export function say(text: string, action?: Toast["action"]): void {
  add({ id: ++last, text, kind: "done", action }, 6000);
}

/** Show what went wrong, in the server's own words. */
export function sayError(error: unknown): void {
  const text = error instanceof ApiError || error instanceof Error ? error.message : String(error);
  add({ id: ++last, text, kind: "error" }, 12000);
}

function add(toast: Toast, duration: number): void {
  change([...toasts.slice(-3), toast]);
  window.setTimeout(() => dismiss(toast.id), duration);
}

export function dismiss(id: number): void {
  change(toasts.filter((one) => one.id !== id));
}

export function useToasts(): Toast[] {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => toasts,
  );
}
