export type { Dialer, DialOptions, DialTarget, TunnelDatagramSocket, TunnelSocket } from "./dialer.ts";
