/**
 * `GET /events`: what happens, as Server-Sent Events. A piece is sent when the one before it is on
 * its way, so nothing is kept for a client that reads slowly; one that reads nothing is let go.
 * Every piece that moves on in history carries an id, with which a client comes back.
 */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { MEMORY_TYPES } from "../memory.ts";
import { EventBatches } from "./event_batches.ts";
import { EventPieces } from "./event_pieces.ts";
import { eventIdSchema, eventTypeSchema, type Wanted } from "./event_view.ts";
import type { Listeners } from "./listeners.ts";
import { numberParameter } from "./parameters.ts";
import { tagList } from "./question.ts";
import { type Route, route } from "./route.ts";

const eventsQuery = z.strictObject({
  type: z.array(eventTypeSchema).max(20).optional().meta({
    description: "May be repeated: only events of these types. Default: all.",
  }),
  memory_type: z.enum(MEMORY_TYPES).optional().meta({
    description: "What the memory must be by now. Deletions are told of any.",
  }),
  tag: tagList.optional().meta({
    description: "May be repeated: the memory must have all of them by now.",
  }),
  min_importance: numberParameter({ integer: false, min: 0, max: 1 }).optional(),
  include: z.literal("memory").optional().meta({
    description: "`memory`: with each event the memory as it is by now.",
  }),
  last_event_id: eventIdSchema.optional().meta({
    description: "As the header Last-Event-ID, for a client that cannot send one; where both are " +
      "given, the header counts.",
  }),
});

const DESCRIPTION =
  "Server-Sent Events, each once, in the order of history, after it is durable. " +
  "`event` is the type and `data` an Event as JSON. With the id of the last event that was seen, " +
  "what was missed comes first. `event: end` says why no more comes, with `reason`, `detail` and " +
  "`position`: after `unknown` and `behind` the memories must be listed anew; then whoever listens " +
  "from `position` misses nothing. A comment is sent where nothing else was for 15 seconds.";

export interface ListeningTo {
  readonly brain: Pick<Brain, "events" | "memories">;
  readonly listeners: Listeners;
  /** Whether whoever sent this may still listen. */
  readonly isLetIn: (headers: Headers) => boolean;
}

export function eventRoutes(to: ListeningTo): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/events",
      operationId: "listenToEvents",
      summary: "Be told what happens",
      description: DESCRIPTION,
      tag: "Events",
      query: eventsQuery,
      repeatable: ["type", "tag"],
      headers: {
        "Last-Event-ID": { description: "The id of the last event that was seen." },
      },
      replies: {
        200: {
          description: "Events, for as long as the client listens.",
          schema: z.string(),
          contentType: "text/event-stream",
        },
      },
      errors: ["overloaded"],
    }, ({ query, request }) => {
      const { type: types, memory_type, tag, min_importance, include, last_event_id } = query;
      const filter = { memory_type: memory_type && [memory_type], tags: tag, min_importance };
      const wanted = { types, filter, includesMemory: include === "memory" };
      // An empty one is what a client sends that has seen none.
      const after = request.headers.get("last-event-id") || last_event_id;
      // A HEAD is answered by the same route, and nobody would read the events.
      const isListening = request.method === "GET";
      const stream = isListening ? eventStream(to, wanted, after, request.headers) : null;
      return new Response(stream, {
        headers: {
          "Content-Type": "text/event-stream; charset=utf-8",
          // For proxies that would hold events back until there are many.
          "X-Accel-Buffering": "no",
        },
      });
    }),
  ];
}

function eventStream(
  { brain, listeners, isLetIn }: ListeningTo,
  wanted: Wanted,
  after: string | undefined,
  headers: Headers,
): ReadableStream<Uint8Array> {
  const leave = listeners.join("sse");
  const find = (id: string) => brain.memories.find(id);
  const { turns, clock } = listeners;
  const batches = new EventBatches({ feed: brain.events, find, turns, wanted, after });
  const pieces = new EventPieces(batches, {
    ...{ clock, leave, known: after },
    isLetIn: () => isLetIn(headers),
  });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = await pieces.next();
      if (piece !== undefined) controller.enqueue(new TextEncoder().encode(piece));
      if (pieces.isOver) controller.close();
    },
    cancel: () => pieces.stop(),
  }, { highWaterMark: 0 });
}
