import { exactMoney, formatMoney } from "../model/money";

/** A sum with its currency code; the exact one as title. */
export function Money({ sum, currency }: { sum: bigint; currency: string }) {
  return <span className="num" title={exactMoney(sum, currency)}>{formatMoney(sum, currency)}</span>;
}
