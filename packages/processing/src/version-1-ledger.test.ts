import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  LEDGER_NAME,
  unsealed,
  versionOneLedger,
} from "@counterfoil/core/stream/testing/version-1";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { expect, test } from "@jest/globals";
import { verifyStream } from "./generations/verify.ts";
import { MODEL_NAMES, PROJECTIONS } from "./models/registry.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { Projection } from "./projection/projection.ts";
import { openProjectionRun } from "./projection/run.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createMemoryEventStream } from "./testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "./testing/memory-model-catalogue.ts";

/**
 * The digests of each version of a model for the ledger of version 1. A model that gives another
 * digest on purpose is another version of the model: raise it, and put its digests here.
 */
const DIGESTS: Readonly<Record<string, readonly [digest: string, stateDigest: string]>> = {
  "balances 2": [
    "28792685be2f30641e8e417de7cb7c782af0c24612db745f67bdf92ee7ed1599",
    "1607c5beca74017b69b20d57cb8313631429aa1bca215840aeee17ed4f9dc5b4",
  ],
  "balances 3": [
    "35b9db98de57a45ce8cd8c4c4bd8707a212ec9a1c385264086e049c5ddc95494",
    "1607c5beca74017b69b20d57cb8313631429aa1bca215840aeee17ed4f9dc5b4",
  ],
  "balances 4": [
    "dc606634f63c3fe32710d0c48e2d6b5a3530843fb0f7551fe459f3d7a92e4842",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 5": [
    "dc606634f63c3fe32710d0c48e2d6b5a3530843fb0f7551fe459f3d7a92e4842",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 6": [
    "75497b77397fd4097cc635f68987da456afcdd69b50dcd85f813f9a51e0af99b",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 7": [
    "e37d496de0a4c215c364e09beb562f27daac57a881a040ff4a71ac518b3bb477",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 8": [
    "aefc4f8588d40f2795e32681bf2c878989b730f506e75325bf0936b9aec564d9",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 9": [
    "aefc4f8588d40f2795e32681bf2c878989b730f506e75325bf0936b9aec564d9",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 10": [
    "aefc4f8588d40f2795e32681bf2c878989b730f506e75325bf0936b9aec564d9",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 11": [
    "a8f3d12d8ee46a81cdfdb81a7906b4e0a4e96338d6d33904f5271fb5c298f0c1",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 12": [
    "52961511c786a79d507c998657fbf443f3bdc710c7087505fe1f373c05015e49",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 13": [
    "ee7bd15a17ceaa2ac6c0fe69125f628b63b8fa1bc7e10ff803be9231a96becae",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 14": [
    "c119c65c570e725632817989802c5fcc789cdf7cefdc406cc5affb221c61358c",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "balances 15": [
    "c119c65c570e725632817989802c5fcc789cdf7cefdc406cc5affb221c61358c",
    "72de5b0bb4519b7d739594b1361ec540a18f2248c839a978b30a121710a34dda",
  ],
  "withdrawals 2": [
    "b58253f1b355d2adb534f64245d7ef3c4863bfb5082ace5b51fb1c6796da3f01",
    "45f0774fd5aa9a8147060f9787b85d89d949c2bb20c955ecd715b381d0aa342b",
  ],
  "withdrawals 3": [
    "5a1ec5b7098549fa405d144d7e08a15a9bf7bb4929c2deb6b1821d7907598a2f",
    "45f0774fd5aa9a8147060f9787b85d89d949c2bb20c955ecd715b381d0aa342b",
  ],
  "withdrawals 4": [
    "0a35391fc98d7ee93050dc00d70a54b50875ffbc2580702cb41f7cc035158d71",
    "05e16193e5cfeebed4f87103be999f7f22ca3d2803aae7c674168cca4003e2f8",
  ],
  "withdrawals 5": [
    "4469a5faf2bab1c96968d3945aea90cf2b374730b404710e2f0b7b94668d40a0",
    "05e16193e5cfeebed4f87103be999f7f22ca3d2803aae7c674168cca4003e2f8",
  ],
  "withdrawals 6": [
    "f879e8ae68be685afc998a964c8d3a32f9590bf4f293b04801824c7c3de4ada4",
    "05e16193e5cfeebed4f87103be999f7f22ca3d2803aae7c674168cca4003e2f8",
  ],
  "withdrawals 7": [
    "e6ab03950f51605bcdb8cd79b1ac2160a0e0aedfee53f9bfb1e19c6792b2d672",
    "05e16193e5cfeebed4f87103be999f7f22ca3d2803aae7c674168cca4003e2f8",
  ],
  "withdrawals 8": [
    "99107df2d3c1cd9c5d40419cd42cd0290a91de5bc3190bf65e6d15fce9755733",
    "05e16193e5cfeebed4f87103be999f7f22ca3d2803aae7c674168cca4003e2f8",
  ],
  "withdrawals 9": [
    "99107df2d3c1cd9c5d40419cd42cd0290a91de5bc3190bf65e6d15fce9755733",
    "05e16193e5cfeebed4f87103be999f7f22ca3d2803aae7c674168cca4003e2f8",
  ],
  "withdrawals 10": [
    "af6aa019f1821d7e55062954c1adf8d83ec293873cfc3e68f6822d23ce81f5e0",
    "decf88c22e6438394c5a33af7e282b51fdf3fb9546b7416c8b7bb25b8289c2ea",
  ],
  "withdrawals 11": [
    "a3dc41ddce10ab15bbf3a705bb29073751ccb6e75bbfd21b630f6bdba3afcf2c",
    "48cbc0d091b8a7a87349da005d3d453c8f531c0cf18416d5b9ea62fc9865f714",
  ],
  "withdrawals 12": [
    "24da22a481c0c8c10faa7c417c41fc1e57e606fd9914c40076580069cf882e53",
    "48cbc0d091b8a7a87349da005d3d453c8f531c0cf18416d5b9ea62fc9865f714",
  ],
  "deposits 2": [
    "2fcce6efa54b5723ea91bbb87fd0e684d228a157f4eec5c163a66a12d0ca594a",
    "16bdc0e98215aa2277cc9a71ed824cd59d9f7cc978d42df40db4c7ebc9d99ac4",
  ],
  "deposits 3": [
    "c2d7361a3df7174f9bc2142652ba6ad97d48f3a01eb370c78e251d1bf37936cb",
    "16bdc0e98215aa2277cc9a71ed824cd59d9f7cc978d42df40db4c7ebc9d99ac4",
  ],
  "deposits 4": [
    "762ca104ea266a30f3b6a8d3a5b1abaf3922e5615cb00c22154117fd7b9b2c2c",
    "b55047300db31e08ace99f78dd1f6a6026b5f507603fb69cfe49b744a7844235",
  ],
  "deposits 5": [
    "24aa4cd663d7c25f53c03e4bf658994a601bf5c9b4221de1f4175e6ac3f232dc",
    "b55047300db31e08ace99f78dd1f6a6026b5f507603fb69cfe49b744a7844235",
  ],
  "deposits 6": [
    "3dfc412c1bd2d126428133a2283ef3a07949e085cd262f04884b580256ccfdbb",
    "b55047300db31e08ace99f78dd1f6a6026b5f507603fb69cfe49b744a7844235",
  ],
  "deposits 7": [
    "7744a1d3c34c0cba95b2bcbb1286daa30a4254372266de72f112b1c460a85950",
    "b55047300db31e08ace99f78dd1f6a6026b5f507603fb69cfe49b744a7844235",
  ],
  "deposits 8": [
    "9b4b476d46fce85fcdbcd186f89db10a340ab21a03b5b5c1ff84bea5f36a4571",
    "b55047300db31e08ace99f78dd1f6a6026b5f507603fb69cfe49b744a7844235",
  ],
  "deposits 9": [
    "6d45fd3a0dc9657d6d68669a117f563cc9eb200fcdbbd8fb077364c3ebbfb17f",
    "b55047300db31e08ace99f78dd1f6a6026b5f507603fb69cfe49b744a7844235",
  ],
  "deposits 10": [
    "ccd1acb79e53dff8b17b560adf32360d9cde9f3325e300c3393677442ddf7485",
    "49eb80231ae4adfa2367bffa476db2bde0b94027be0314708855c742c64d233f",
  ],
  "deposits 11": [
    "c4e4ed7a045df504f0e25831587c184b0daab8eabd304093077e5cd07651ce85",
    "62172ce7bfb10db4ce539766462b513c42700b11157b36b9465697c4d365a1a7",
  ],
  "deposits 12": [
    "504540c6f2aa7db937eb92450086263f30ecf95d5d3bf799ccaee141555fd3c5",
    "62172ce7bfb10db4ce539766462b513c42700b11157b36b9465697c4d365a1a7",
  ],
  "trades 2": [
    "85c6f95641dda072652d8732de608b54e02cfda9e6f961c8cbc69f6b0ae003c8",
    "9ce12cfc9b6a7230f9cf0221e9885771a71df759397745e620a2154cfc243e10",
  ],
  "trades 3": [
    "378ee234d12beb153836558d52a78576890f240ea13b72d9b8dcd42b3eb01ab6",
    "9ce12cfc9b6a7230f9cf0221e9885771a71df759397745e620a2154cfc243e10",
  ],
  "trades 4": [
    "5c54411cb13337f5434a4bfab1dd69d0602f18c5549499139d3b04eac6411f13",
    "dd0a00fdcb9e2d12adad7420efe33d1d5fd835b207e1534c124a763448163e77",
  ],
  "trades 5": [
    "d00963b7a5f3aeea984684bf265373b41876ba723510c16a44724166295d31d8",
    "dd0a00fdcb9e2d12adad7420efe33d1d5fd835b207e1534c124a763448163e77",
  ],
  "trades 6": [
    "462c4262794f14d32bf2ffa89eb018f211a6999c9db214d8fface4e6f0ae26f9",
    "dd0a00fdcb9e2d12adad7420efe33d1d5fd835b207e1534c124a763448163e77",
  ],
  "trades 7": [
    "84a2f592b05210b3d1a1ea6068499183b3d2e0be7c784961b9524bbad3b6bf33",
    "dd0a00fdcb9e2d12adad7420efe33d1d5fd835b207e1534c124a763448163e77",
  ],
  "trades 8": [
    "4e06b74e177c8b502f4b55fe0da63297d140c630425fa21cd057bb13451a8375",
    "dd0a00fdcb9e2d12adad7420efe33d1d5fd835b207e1534c124a763448163e77",
  ],
  "trades 9": [
    "dd4976407e4d4452912d2e2c12c66c8b30780a002facb7449daaf4b45a2fe4b7",
    "33041a3ead79e6e21b0d62c310323c5deb50603530c87d1731e0dcdc6d227a74",
  ],
  "trades 10": [
    "bd83cce40a1dd25bbfeb1380dfbd885dd35c368ba60b102aa54e85492416bd01",
    "80784b7cd712655cfa8b46d7870b406c87d6810192655d16c69755393e4637ca",
  ],
  "trades 11": [
    "1911420e00bda3253508e65e926faa3c09faa461d50b6cac278374ac08bb4596",
    "80784b7cd712655cfa8b46d7870b406c87d6810192655d16c69755393e4637ca",
  ],
};

const events = versionOneLedger();

async function restored(): Promise<EventStream> {
  const clock = createManualClock(0n);
  const stream = createMemoryEventStream({ ledger: LEDGER_NAME, hashing, clock });
  for (const event of events) {
    clock.set(event.recorded_at);
    await stream.append(event.position - 1, [unsealed(event)]);
  }
  return stream;
}

async function fold(stream: EventStream, projection: Projection, all: readonly RecordedEvent[]) {
  const { model, tables, version: modelVersion } = projection;
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create(model, { tables, modelVersion });
  const store = await catalogue.openForWriting(model, 1);
  const folding = await openProjectionRun({ stream, projection, store, hashing });
  const checkpoint = await folding.fold(all);
  return { checkpoint, stopped: folding.stoppedSubjects };
}

test("a ledger of version 1 is the same stream today", async () => {
  const stream = await restored();
  expect(await stream.read({ after: 0, limit: 1000 })).toEqual(events);
  const found = await verifyStream({ stream, ledger: LEDGER_NAME, hashing, bodies: false });
  expect(found).toMatchObject({ events: events.length, findings: [] });
});

test.each(MODEL_NAMES)("%s make the same of a ledger of version 1 as ever", async (model) => {
  const projection = PROJECTIONS[model];
  const { checkpoint, stopped } = await fold(await restored(), projection, events);
  expect([checkpoint.position, stopped]).toEqual([events.length, 0]);
  const version = `${model} ${projection.version}`;
  expect([version, checkpoint.digest, checkpoint.state_digest]).toEqual([
    version,
    ...(DIGESTS[version] ?? ["no digest is pinned: see above"]),
  ]);
});
