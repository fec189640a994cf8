import { useEffect, useState } from "react";
import { DetailPage } from "./detail/page";
import { Feed } from "./requests/feed";
import { RequestsPage } from "./requests/page";
import { Link, navigate, usePath } from "./router";
import { check, useSession } from "./session";
import { Shell } from "./shell";
import { SignIn } from "./signin";
import { Failure, Loading } from "./ui/states";

export function App() {
  const session = useSession();
  switch (session.state) {
    case "checking":
      return <Loading what="console" />;
    case "failed":
      return <Failure title="The console cannot start" error={session.error} retry={() => void check()} />;
    case "out":
      return <SignIn note={session.note} />;
    case "in":
      return (
        <Shell user={session.user}>
          <Pages />
        </Shell>
      );
  }
}

function Pages() {
  const { path, search } = usePath();
  const [feed] = useState(() => new Feed());
  useEffect(() => {
    if (path === "/") navigate("/requests" + search, { replace: true });
  }, [path, search]);

  if (path === "/" || path === "/requests") return <RequestsPage feed={feed} search={search} />;
  const id = /^\/requests\/([^/]+)$/.exec(path)?.[1];
  if (id) return <DetailPage key={id} id={decodeURIComponent(id)} />;
  return (
    <main className="state">
      <h1>There is no such page</h1>
      <p>
        <Link to="/requests">Go to the requests</Link>
      </p>
    </main>
  );
}
