import { createBrowserRouter } from "react-router";
import { Crash } from "./Crash";
import { Shell } from "./Shell";

/** Each page is loaded when it is first opened; charts are the larger part of the app. */
export const router = createBrowserRouter([
  {
    path: "/login",
    ErrorBoundary: Crash,
    HydrateFallback: () => null,
    lazy: async () => ({ Component: (await import("../pages/Login")).Login }),
  },
  {
    Component: Shell,
    ErrorBoundary: Crash,
    HydrateFallback: () => null,
    children: [
      { index: true, lazy: async () => ({ Component: (await import("../pages/dashboard/Dashboard")).Dashboard }) },
      { path: "tenants", lazy: async () => ({ Component: (await import("../pages/Tenants")).Tenants }) },
      { path: "tenants/:tenant", lazy: async () => ({ Component: (await import("../pages/tenant/Tenant")).TenantPage }) },
      {
        path: "tenants/:tenant/namespaces/:namespace",
        lazy: async () => ({ Component: (await import("../pages/Namespace")).NamespacePage }),
      },
      { path: "audit", lazy: async () => ({ Component: (await import("../pages/Audit")).Audit }) },
      { path: "*", lazy: async () => ({ Component: (await import("../pages/NotFound")).NotFound }) },
    ],
  },
]);
