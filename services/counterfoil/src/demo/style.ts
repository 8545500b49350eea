import { styleText } from "node:util";
import { print } from "../output/print.ts";

/** Colours only where a person looks on; `styleText` asks the stream. */
const style = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout });

export const bold = (text: string): string => style("bold", text);
export const dim = (text: string): string => style("dim", text);
export const green = (text: string): string => style("green", text);
export const red = (text: string): string => style("red", text);

export function printHeading(title: string, remark = ""): void {
  print(`\n${bold(title)}${remark === "" ? "" : `  ${dim(remark)}`}\n`);
}

export function printChecked(isGood: boolean, text: string): void {
  print(`  ${isGood ? green("✓") : red("✗")} ${text}`);
}
