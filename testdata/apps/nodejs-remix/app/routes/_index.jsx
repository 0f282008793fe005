import { useLoaderData } from '@remix-run/react';

export function loader() {
  return { node: process.version };
}

export default function Index() {
  const { node } = useLoaderData();
  return <p>{`Remix rendered this on Node.js ${node}`}</p>;
}
