import { ScrollArea, Table } from "@mantine/core";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => React.ReactNode;
  /** Numbers are read from the right. */
  isNumber?: boolean;
  /** The column that names the row. */
  isName?: boolean;
}

interface DataTableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  isDense?: boolean;
  /** Narrower than this, in pixels, it scrolls. */
  widthMin?: number;
}

const nowrap = { whiteSpace: "nowrap" } as const;

/** A table that screen readers understand, and that scrolls by itself on a narrow screen. */
export function DataTable<Row>({ caption, columns, rows, rowKey, isDense, widthMin = 560 }: DataTableProps<Row>) {
  return (
    <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "group", "aria-label": caption }}>
      <Table miw={widthMin} verticalSpacing={isDense ? 7 : "sm"} highlightOnHover highlightOnHoverColor="var(--calm-back)" borderColor="var(--line)" className="num">
        <caption style={{ position: "absolute", clip: "rect(0 0 0 0)", width: 1, height: 1, overflow: "hidden" }}>{caption}</caption>
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ title, isNumber }) => (
              <Table.Th key={title} scope="col" ta={isNumber ? "right" : undefined} c="dimmed" fz="xs" fw={600} style={nowrap}>{title}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={rowKey(row)}>
              {columns.map(({ title, cell, isNumber, isName }) =>
                isName ? (
                  <Table.Th key={title} scope="row" fw={600}>{cell(row)}</Table.Th>
                ) : (
                  <Table.Td key={title} ta={isNumber ? "right" : undefined} style={isNumber ? nowrap : undefined}>{cell(row)}</Table.Td>
                ),
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
