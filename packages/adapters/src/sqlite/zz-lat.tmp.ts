import { randomUUID } from "node:crypto"; import {rmSync} from "node:fs"; import { openEventStream } from "./event-stream.ts"; import { nodeHashing } from "../node/hashing.ts"; import { systemClock } from "../node/clock.ts";
const fresh=process.argv[2]==="fresh"; const dataDir=fresh?"/tmp/lab/fresh":"/tmp/lab/st"; if(fresh)rmSync(dataDir,{recursive:true,force:true});
const s=await openEventStream({dataDir,ledger:"default",hashing:nodeHashing,clock:systemClock});
const mk=(t:string)=>({id:randomUUID(),type:t,schema_version:1,subject:"a",occurred_at:1n,causation_id:randomUUID(),correlation_id:null,about:null,data:"x".repeat(250)});
let {position}=await s.head();
const group=64;const lat:number[]=[];const R=1500;
const work=Array.from({length:R},()=>({ev:Array.from({length:group*4},()=>mk("MovementRecorded")),bodies:Array.from({length:group},()=>({sha256:nodeHashing.sha256(randomUUID()),bytes:new Uint8Array(600)}))}));
let tl=0;const c0=process.cpuUsage();const t0=performance.now();for(const {ev,bodies} of work){const t=performance.now();await s.lookUp(ev.map(e=>e.id));tl+=performance.now()-t;const r=await s.append(position,ev,bodies);if(r.outcome!=="appended")throw 1;position=r.head.position;lat.push(performance.now()-t)}
const total=performance.now()-t0;const c=process.cpuUsage(c0);lat.sort((a,b)=>a-b);const q=(p:number)=>lat[Math.floor(lat.length*p)]!.toFixed(2);console.log({from:position-R*256,deliveriesPerS:R*group/total*1000|0,usPerDelivery:(total*1000/R/group).toFixed(0),lookupUs:(tl*1000/R/group).toFixed(1),userUs:(c.user/R/group).toFixed(1),sysUs:(c.system/R/group).toFixed(1),p50:q(.5),p99:q(.99),max:lat.at(-1)!.toFixed(1)});
await s.close();
