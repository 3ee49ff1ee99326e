// The frame around every page: navigation, search, theme, messages.
import { Suspense, useEffect, useState } from "react";
import { BASE } from "../api/client";
import { NAVIGATION, ROUTES } from "../routes";
import { Link, match, usePlace } from "../state/router";
import { chooseTheme, useTheme } from "../state/theme";
import { Icon } from "./Icon";
import { Empty, Skeleton, Toasts } from "./Notices";
import { Palette } from "./Palette";

export function Shell() {
  const place = usePlace();
  const theme = useTheme();
  const [palette, setPalette] = useState(false);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as HTMLElement).tagName);
      if ((event.key === "k" && (event.metaKey || event.ctrlKey)) || (event.key === "/" && !typing && !event.ctrlKey)) {
        event.preventDefault();
        setPalette(true);
      }
    };
    window.addEventListener("keydown", keys);
    return () => window.removeEventListener("keydown", keys);
  }, []);
  const found = match(ROUTES, place.path);
  const Page = found?.route.page;
  const area = place.path.split("/")[0] || "experiments";
  return (
    <>
      <a className="button skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link to="" className="brand" aria-label="Tidemill: all experiments">
          <img src={`${BASE}mark.svg`} alt="" />
          <span>Tidemill</span>
        </Link>
        <nav className="nav" aria-label="Main">
          {NAVIGATION.map((item) => (
            <Link key={item.to} to={item.to} aria-current={item.areas.includes(area) ? "page" : undefined}>
              {item.label}
            </Link>
          ))}
        </nav>
        <span className="grow" />
        <button type="button" className="button search-open" title="Search and commands (Ctrl K)" onClick={() => setPalette(true)}>
          <Icon name="search" />
          <span>Search</span>
          <kbd aria-hidden="true">Ctrl K</kbd>
        </button>
        <button
          type="button"
          className="button plain"
          aria-label={theme === "dark" ? "Light theme" : "Dark theme"}
          title={theme === "dark" ? "Light theme" : "Dark theme"}
          onClick={() => chooseTheme(theme === "dark" ? "light" : "dark")}
        >
          <Icon name={theme === "dark" ? "sun" : "moon"} />
        </button>
      </header>
      <Suspense fallback={<main className="page" id="main"><Skeleton /></main>}>
        {Page ? (
          <Page key={found.route.pattern} {...found.params} />
        ) : (
          <main className="page" id="main">
            <Empty title="There is no such page">
              <p>
                The address may be mistyped. <Link to="">All experiments</Link> are a good place to start from.
              </p>
            </Empty>
          </main>
        )}
      </Suspense>
      {palette && <Palette onClose={() => setPalette(false)} />}
      <Toasts />
    </>
  );
}
