// Who asks and decides: a name that the reader gave, kept in this browser. The server takes it as it is until it knows users.
const KEY = "tidemill.user";

export function userName(): string {
  try {
    return window.localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function setUserName(name: string): void {
  try {
    window.localStorage.setItem(KEY, name.trim());
  } catch {
    // A browser that keeps nothing asks again.
  }
}
