// What stands where data would: waiting, nothing yet, something went wrong.
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { dismiss, useToasts } from "../state/toasts";
import { Icon } from "./Icon";

/** Grey lines while data is on its way. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div className="stack" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="skeleton" style={{ width: `${92 - ((index * 37) % 40)}%` }} />
      ))}
    </div>
  );
}

/** An error with what can be done about it. */
export function ErrorBox({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiError;
  const text = error instanceof Error ? error.message : String(error);
  return (
    <div className="notice error" role="alert">
      <Icon name="warning" />
      <div className="grow">
        {known && error.isMissing ? "This server does not offer this yet: it runs an older Tidemill." : text}
      </div>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A page without content yet, which says how content comes about. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Toasts() {
  const toasts = useToasts();
  return (
    <div className="toasts" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast ${toast.kind}`}>
          <span className="grow">{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              onClick={() => {
                toast.action?.run();
                dismiss(toast.id);
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
