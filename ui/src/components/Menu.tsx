import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

interface MenuProps {
  /** What stands on the button. */
  label: ReactNode;
  /** The button's name where `label` is only an icon. */
  name?: string;
  className?: string;
  align?: "left" | "right";
  /** A function gets `close`. Elements of class `item` are walked with the arrow keys. */
  children: ReactNode | ((close: () => void) => ReactNode);
}

/** A button that opens a pane below it; Escape, Tab out of it and clicks elsewhere close it. */
export function Menu({ label, name, className = "button", align = "right", children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const wrap = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!wrap.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("mousedown", away);
    document.addEventListener("focusin", away);
    wrap.current?.querySelector<HTMLElement>(".menu input, .menu .item")?.focus();
    return () => {
      document.removeEventListener("mousedown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape" && open) {
      event.stopPropagation();
      close();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const items = [...(wrap.current?.querySelectorAll<HTMLElement>(".menu .item:not(:disabled)") ?? [])];
    if (!items.length) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length]?.focus();
  };
  return (
    <div className="menu-wrap" ref={wrap} onKeyDown={keys}>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={name}
        title={name}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        <div id={id} className={`menu ${align === "left" ? "left" : ""}`}>
          {typeof children === "function" ? children(close) : children}
        </div>
      )}
    </div>
  );
}
