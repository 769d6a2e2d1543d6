// The start of the dashboard.
import "../theme/tokens.css";
import "../theme/base.css";
import { Tooltip } from "@base-ui/react/tooltip";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "../api/queries";
import { followTheme } from "../theme/preferences";
import { Frame } from "./Frame";

followTheme();

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Tooltip.Provider delay={400}>
        <Frame />
      </Tooltip.Provider>
    </QueryClientProvider>
  </StrictMode>,
);
