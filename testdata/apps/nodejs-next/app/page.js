import next from 'next/package.json';

export const dynamic = 'force-dynamic';

export default function Page() {
  return <p>{`Next.js ${next.version} rendered this on Node.js ${process.version}`}</p>;
}
