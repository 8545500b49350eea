import type { components } from "@counterfoil/client";
import { useEffect, useState } from "preact/hooks";
import { Panel } from "../components/panel.tsx";
import { Loaded, Loading } from "../components/states.tsx";
import { status } from "../live.ts";
import { useTitle } from "../page.ts";
import { type Resource, useResource } from "../resource.ts";
import { ProjectionPanel } from "./projection.tsx";

type Projection = components["schemas"]["Projection"];

/** While something is being built; otherwise as often as anything is asked. */
const LOOK_EVERY_MS = 500;
const IDLE_EVERY_MS = 5_000;

/** The read models: how far each is, and how it is built anew. */
export function ProjectionsPage() {
  useTitle("Projections");
  const [round, setRound] = useState(0);
  const asked = useResource("projections", (client, signal) =>
    client.listProjections({}, { signal }).then(({ data }) => data),
  );
  useAgain(asked, round);
  const now = status.value;
  const look = () => setRound(round + 1);
  return (
    <>
      <div class="heading">
        <h1>Projections</h1>
        <p class="lead">
          Each model is a fold of the stream, and can be built from it again at any time: beside the
          live one, which goes on being read.
        </p>
      </div>
      <Loaded resource={asked} lines={8}>
        {(projections) =>
          now === null ? (
            <Panel title="Models">
              <Loading lines={6} />
            </Panel>
          ) : (
            <div class="panels">
              {now.projections.map((one) => (
                <ProjectionPanel
                  key={one.name}
                  status={one}
                  head={now.head}
                  projection={projections.find(({ name }) => name === one.name)}
                  onChange={look}
                />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

/** Asks again after a while, sooner where something is under way, and at once after `round` changed. */
function useAgain(asked: Resource<readonly Projection[]>, round: number): void {
  const again = asked.state === "loading" ? () => {} : asked.again;
  const isBuilding =
    asked.state === "loaded" && asked.data.some(({ rebuild }) => rebuild?.finished_at === null);
  useEffect(() => {
    if (round > 0) again();
  }, [round]);
  useEffect(() => {
    const timer = setTimeout(again, isBuilding ? LOOK_EVERY_MS : IDLE_EVERY_MS);
    return () => clearTimeout(timer);
  });
}
