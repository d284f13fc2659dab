import { Button, Container, Text, Title } from "@mantine/core";

/** What is left when a page fails to draw. */
export function Crash() {
  return (
    <Container component="main" size="sm" py={96}>
      <Title order={1} mb="sm">This page broke</Title>
      <Text mb="lg">Reloading usually helps: the console may have been updated while it was open.</Text>
      <Button onClick={() => window.location.reload()}>Reload</Button>
    </Container>
  );
}
