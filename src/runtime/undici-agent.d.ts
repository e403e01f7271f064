/** A part of undici, for which the package has types only as a whole. The whole takes twice as long to load. */
declare module 'undici/lib/dispatcher/agent.js' {
  import { Agent } from 'undici';

  export default Agent;
}
