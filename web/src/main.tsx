import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { start } from "./session";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/requests.css";
import "./styles/detail.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no root");

void start();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
