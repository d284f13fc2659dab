import { IconAlertTriangle, IconCircleCheck, IconHelpCircle, IconLoader2, IconPlayerPause, IconTrash, IconX } from "@tabler/icons-react";
import type { StateName } from "../model/state";
import classes from "./StateBadge.module.css";

const looks: Record<StateName, { tone: string; Icon: typeof IconX }> = {
  Ready: { tone: "good", Icon: IconCircleCheck },
  Reconciling: { tone: "calm", Icon: IconLoader2 },
  Stalled: { tone: "bad", Icon: IconAlertTriangle },
  "Not ready": { tone: "warn", Icon: IconX },
  Deleting: { tone: "warn", Icon: IconTrash },
  Paused: { tone: "warn", Icon: IconPlayerPause },
  Unknown: { tone: "calm", Icon: IconHelpCircle },
};

/** A state as a word with a sign; the colour only repeats it. */
export function StateBadge({ state }: { state: StateName }) {
  const { tone, Icon } = looks[state];
  return <Pill tone={tone} icon={<Icon size={14} stroke={2} aria-hidden />}>{state}</Pill>;
}

export function Pill({ tone, icon, children }: { tone: string; icon?: React.ReactNode; children: React.ReactNode }) {
  return (
    <span className={classes.pill} style={{ color: `var(--${tone})`, background: `var(--${tone}-back)` }}>
      {icon}
      {children}
    </span>
  );
}
