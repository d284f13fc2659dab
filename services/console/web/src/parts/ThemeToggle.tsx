import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";

/** Follows the system until it is pressed; the choice is kept. */
export function ThemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  const label = isDark ? "Use light colours" : "Use dark colours";
  return (
    <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label} title={label} c="var(--mantine-color-text)"
      onClick={() => setColorScheme(isDark ? "light" : "dark")}>
      {isDark ? <IconSun size={19} stroke={1.7} aria-hidden /> : <IconMoon size={19} stroke={1.7} aria-hidden />}
    </ActionIcon>
  );
}
