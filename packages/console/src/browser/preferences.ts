import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
type Zone = "utc" | "local";

/** Kept in memory alone, as all that a person says to this page. */
export const theme = signal<Theme>("system");
export const zone = signal<Zone>("utc");

/** The style sheet has both themes; which one counts is said here. */
export function applyTheme(): void {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme.value);
  });
}

const NEXT_THEME: Readonly<Record<Theme, Theme>> = {
  system: "dark",
  dark: "light",
  light: "system",
};

export function switchTheme(): void {
  theme.value = NEXT_THEME[theme.value];
}

export function switchZone(): void {
  zone.value = zone.value === "utc" ? "local" : "utc";
}
