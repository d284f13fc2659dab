import { Alert, Button, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconLogin2 } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import { meta } from "../app/meta";
import { Mark } from "../parts/Brand";
import { useTitle } from "../parts/Page";
import { ThemeToggle } from "../parts/ThemeToggle";
import classes from "./Login.module.css";

function reason(word: string, issuer: string): string {
  const words: Record<string, string> = {
    expired: "The login took too long, or was begun in another browser. Please begin again.",
    denied: `${issuer} did not let you in. If that surprises you, ask a platform administrator.`,
    unreachable: `${issuer} cannot be reached. Please try again in a moment; if it stays so, a platform administrator should know.`,
    email: `Your account at ${issuer} has no verified e-mail address. The cluster knows people by it, so please have it verified first.`,
    token: `${issuer} sent a token that the console does not accept. A platform administrator should look at the console's log.`,
    sessions: "The console cannot keep sessions at the moment. Please try again soon; a platform administrator should look at NATS.",
  };
  return words[word] ?? "The login did not succeed. Please try again.";
}

export function Login() {
  useTitle("Log in");
  const [query] = useSearchParams();
  const issuer = meta("issuer") || "your identity provider";
  const error = query.get("error");
  const next = query.get("next");
  const target = next ? `/auth/login?next=${encodeURIComponent(next)}` : "/auth/login";
  return (
    <div className={classes.page}>
      <aside className={classes.story} aria-label="About Tenantry">
        <p className={classes.line}>One cluster.<br />Many teams.<br />No surprises.</p>
        <p className={classes.sub}>Who has what, who may what, and what it costs, in one place.</p>
        <Shelves />
      </aside>
      <main className={classes.side}>
        <div className={classes.toggle}><ThemeToggle /></div>
        <Stack gap="lg" className={classes.form}>
          <Mark size={52} />
          <div>
            <Title order={1}>Log in to Tenantry</Title>
            <Text c="dimmed" mt={6}>With your account at {issuer}, the same that kubectl uses.</Text>
          </div>
          {error && (
            <Alert role="alert" icon={<IconAlertTriangle aria-hidden />} title="Not logged in" className={classes.bad}>
              {reason(error, issuer)}
            </Alert>
          )}
          {!error && query.has("left") && (
            <Alert role="status" icon={<IconCircleCheck aria-hidden />} className={classes.good}>You are logged out.</Alert>
          )}
          <Button component="a" href={target} size="md" leftSection={<IconLogin2 size={19} aria-hidden />}>
            Continue with {issuer}
          </Button>
        </Stack>
      </main>
    </div>
  );
}

/** Tenants on a shared shelf: a picture, nothing more. */
function Shelves() {
  const boxes = [
    [0, 0, 120, 64, 0.9], [132, 0, 64, 64, 0.35], [208, 0, 112, 64, 0.6],
    [0, 78, 72, 64, 0.45], [84, 78, 150, 64, 0.75], [246, 78, 74, 64, 0.3],
    [0, 156, 140, 64, 0.55], [152, 156, 92, 64, 0.95], [256, 156, 64, 64, 0.4],
  ] as const;
  return (
    <svg viewBox="0 0 320 220" className={classes.shelves} aria-hidden>
      {boxes.map(([x, y, width, height, fill]) => (
        <g key={`${x}-${y}`}>
          <rect x={x} y={y} width={width} height={height} rx={12} fill="#ffffff" opacity={0.12} />
          <rect x={x} y={y + height * (1 - fill)} width={width} height={height * fill} rx={12} fill="#5eead4" opacity={0.34} />
        </g>
      ))}
    </svg>
  );
}
