import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const harbor: MantineColorsTuple = [
  "#ecfdf9", "#d0f7ee", "#a3ecdd", "#6fdcc9", "#3cc4b0", "#17a594", "#0f8579", "#0f6b63", "#115550", "#0b3b38",
];
const slate: MantineColorsTuple = [
  "#e6ebf1", "#c3ccd7", "#a3afbd", "#7b8897", "#46535f", "#33404c", "#26313c", "#19222b", "#111920", "#0b1117",
];

export const theme = createTheme({
  colors: { harbor, dark: slate },
  primaryColor: "harbor",
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Code', 'DejaVu Sans Mono', monospace",
  headings: { fontWeight: "650" },
  defaultRadius: "md",
  cursorType: "pointer",
});

/** Colours of text that the kit's own fall short of 4.5:1 with. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f5f7f8",
    "--mantine-color-text": "#16212b",
    "--mantine-color-dimmed": "#52606d",
    "--mantine-color-placeholder": "#5f6c78",
    "--mantine-color-anchor": "#0f6b63",
    "--surface": "#ffffff",
    "--line": "#dfe5ea",
    "--track": "#e3e9ed",
    "--good": "#12703a", "--good-back": "#e2f5e9",
    "--warn": "#8a4b00", "--warn-back": "#fdf0d9",
    "--bad": "#a61b2b", "--bad-back": "#fde7e9",
    "--calm": "#44525f", "--calm-back": "#e8edf1",
  },
  dark: {
    "--mantine-color-body": "#0e151b",
    "--mantine-color-text": "#e6ebf1",
    "--mantine-color-dimmed": "#a3afbd",
    "--mantine-color-placeholder": "#95a2b0",
    "--mantine-color-anchor": "#3cc4b0",
    "--surface": "#151e26",
    "--line": "#28343f",
    "--track": "#2a3742",
    "--good": "#7be0a3", "--good-back": "#123322",
    "--warn": "#f7c873", "--warn-back": "#3a2a0e",
    "--bad": "#ff9aa5", "--bad-back": "#42181e",
    "--calm": "#b4c0cc", "--calm-back": "#24303a",
  },
});
