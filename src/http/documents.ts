/** What a service says of itself: its OpenAPI document, and a page to read and try it. */
import { z } from "zod";
import { json, type Route, route } from "./route.ts";

/** The page and the document are made once, when they are first asked for. */
export interface Documents {
  readonly openApi: () => object;
  readonly docs: () => Promise<{ readonly html: string; readonly contentSecurityPolicy: string }>;
}

export function documentRoutes(documents: Documents): Route[] {
  return [
    route({
      method: "GET",
      path: "/openapi.json",
      operationId: "openApi",
      summary: "This description",
      tag: "Service",
      replies: {
        200: { description: "OpenAPI 3.1.", schema: z.unknown().meta({ type: "object" }) },
      },
    }, () => json(200, documents.openApi())),
    route({
      method: "GET",
      path: "/docs",
      operationId: "docs",
      summary: "A page to read and try it",
      tag: "Service",
      open: true,
      replies: { 200: { description: "HTML.", schema: z.string(), contentType: "text/html" } },
    }, async () => {
      const { html, contentSecurityPolicy } = await documents.docs();
      return new Response(html, {
        headers: {
          "Content-Type": "text/html; charset=utf-8",
          "Content-Security-Policy": contentSecurityPolicy,
        },
      });
    }),
  ];
}
