import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
type Zone = "utc" | "local";

/** Kept in memory only, like all of this page's state. */
export const theme = signal<Theme>("system");
export const zone = signal<Zone>("utc");

/** Selects one of the style sheet's two themes. */
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
