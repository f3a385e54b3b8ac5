/** An SMTP server on loopback for tests of what is said to it; the engine tests have another program's. */
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { KeyPair } from "./registry.ts";

export interface Mail {
  from: string;
  to: string[];
  text: string;
  isSecure: boolean;
  user: string | undefined;
}

export interface MailServer {
  port: number;
  mails: Mail[];
  stop(): Promise<void>;
}

export interface MailServerOptions extends Pick<SMTPServerOptions, "onRcptTo" | "onMailFrom"> {
  security: "starttls" | "tls" | "none";
  certificate?: KeyPair;
  password?: string;
  /** What the server answers to a mail, when it does not take it. */
  refusal?: { code: number; text: string };
}

export async function startMailServer(options: MailServerOptions): Promise<MailServer> {
  const { security, certificate, password, refusal, ...more } = options;
  const mails: Mail[] = [];
  const server = new SMTPServer({
    ...more,
    secure: security === "tls",
    ...(certificate && { cert: certificate.certificatePem, key: certificate.keyPem }),
    disabledCommands: [
      ...(security === "starttls" ? [] : ["STARTTLS"]),
      ...(password === undefined ? ["AUTH"] : []),
    ],
    authOptional: password === undefined,
    logger: false,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth(given, _session, done) {
      if (given.password === password) return done(null, { user: given.username });
      const error = Object.assign(new Error("5.7.8 Authentication credentials invalid"), {
        responseCode: 535,
      });
      done(error);
    },
    onData(stream, session, done) {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      stream.on("end", () => {
        if (refusal !== undefined)
          return done(Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
          isSecure: session.secure,
          user: session.user,
        });
        done();
      });
    },
  });
  // A client that ends in the middle of TLS is what some tests are about.
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
