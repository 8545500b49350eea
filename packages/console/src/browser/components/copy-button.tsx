import { useState } from "preact/hooks";

/** Puts a text where it can be pasted from. */
export function CopyButton({ text, children }: Readonly<{ text: string; children: string }>) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {isCopied ? "Copied" : children}
    </button>
  );
}
