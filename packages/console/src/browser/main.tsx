import { render } from "preact";
import { Layout } from "./components/layout.tsx";
import { Login } from "./components/login.tsx";
import { follow } from "./live.ts";
import { NAVIGATION, PageHere } from "./pages.tsx";
import { applyTheme } from "./preferences.ts";
import { followLinks } from "./router.ts";
import { locked } from "./session.ts";

function Console() {
  if (locked.value !== null) return <Login />;
  return (
    <Layout links={NAVIGATION}>
      <PageHere />
    </Layout>
  );
}

applyTheme();
followLinks();
follow();
const root = document.getElementById("console");
if (root !== null) render(<Console />, root);
