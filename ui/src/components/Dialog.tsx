import { useEffect, useRef, type FormEvent, type ReactNode } from "react";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** With it the content is a form whose button has this label. */
  submit?: string;
  onSubmit?: () => void | Promise<void>;
  danger?: boolean;
  disabled?: boolean;
}

/** A modal dialog; Escape and the backdrop close it. */
export function Dialog({ title, onClose, children, submit, onSubmit, danger, disabled }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!disabled) void onSubmit?.();
  };
  return (
    <dialog
      ref={element}
      aria-label={title}
      onClose={onClose}
      onMouseDown={(event) => event.target === element.current && onClose()}
    >
      <form onSubmit={send}>
        <h2>{title}</h2>
        {children}
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            {submit ? "Cancel" : "Close"}
          </button>
          {submit && (
            <button type="submit" className={`button ${danger ? "danger" : "primary"}`} disabled={disabled}>
              {submit}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
