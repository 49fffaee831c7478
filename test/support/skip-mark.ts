/** How a skip carries its reason: `TITLE [skipped: REASON]`. */
export const SKIP_MARK = /^(.*) \[skipped: (.*)\]$/s;

export function markSkipped(title: string, reason: string): string {
  return `${title} [skipped: ${reason}]`;
}
